"""Who may do what in the warehouse: four roles, their grants, and the command that gives them."""
