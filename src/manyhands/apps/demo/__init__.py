"""The demo: a whole job on this machine, with simulated people or with you. What is simulated says so."""
