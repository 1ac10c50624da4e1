"""The formats of tables that are built in: each module is one, its instance called ``FORMAT``."""
