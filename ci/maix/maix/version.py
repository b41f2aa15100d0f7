__version__ = "4.12.1"
