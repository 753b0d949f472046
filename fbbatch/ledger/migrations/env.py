"""Alembic's entry: the connection comes from `fbbatch.ledger.store`."""

from alembic import context

from fbbatch.ledger.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
