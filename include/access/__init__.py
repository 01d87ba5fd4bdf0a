"""Who may do what in the warehouse: three roles, their grants, and the command that gives them."""
