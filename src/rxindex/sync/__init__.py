"""The sync room: rows become drugs, drugs a plan, the plan vectors and writes, and all a report."""
