"""What decides who is told what, and when."""
