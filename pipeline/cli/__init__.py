"""The command ``brushstream``: one module a command, loaded when it is run. The one room that prints."""
