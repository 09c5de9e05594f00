"""The ground floor: what knows no customer (outbox, events, audit, clock, money, privacy)."""
