"""The customer's file: entering and changing what we know of a customer by hand."""
