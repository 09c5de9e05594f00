"""What people see of retention: home, queue, case, customers, rules, sweeps."""
