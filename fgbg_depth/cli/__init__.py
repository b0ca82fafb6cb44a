"""The command line: options, made from the recipe's fields, and the messages of each command."""
