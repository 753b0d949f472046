"""fbbatch carries out a company's product feedback regulation: files in, documents out."""

__version__ = "0.1.0"
