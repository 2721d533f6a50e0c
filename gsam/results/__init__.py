"""Published figures, measured figures and the tables that set one beside the other."""
