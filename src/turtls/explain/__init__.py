"""What happened on a connection, for a person: each message with its fields, each step with its reason.

The command line and the web pages show it; nothing here decides anything.
"""
