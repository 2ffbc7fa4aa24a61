"""Who calls, and what they may do: tokens, JSON Web Tokens, certificates, roles."""
