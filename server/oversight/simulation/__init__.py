"""A simulated contact centre that uses a real server, with a truth that the server does not see."""
