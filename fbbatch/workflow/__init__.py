"""The closed loop of a case, pure: where it stands, what moves it, what it owes and by when."""
