"""The pages of the inbox. A view reads the request, calls a selector or a service, and picks a template."""
