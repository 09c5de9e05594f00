"""The ledger of points: every verb that moves them, and what proves that the sums are right.

Floors: accounts, entries < expiring < transferring < earning, redeeming < adjusting, opening, recovery,
merging. Whoever moves points holds the row of the account first: so the ids of an account's entries
stand in the order in which they were committed, and lots need no lock of their own.
"""
