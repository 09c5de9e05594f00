"""The REST API of retention: measures, rules, warnings, cases, calls, losses, sweeps."""
