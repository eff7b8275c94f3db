"""Errands: orders that are fetched from a place of their own, not from a shop's."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("kind", sa.String(), nullable=False, server_default="food"))
    op.alter_column("orders", "kind", server_default=None)
    op.add_column("orders", sa.Column("from_place_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_orders_from_place_id_places"), "orders", "places", ["from_place_id"], ["id"])


def downgrade() -> None:
    op.drop_constraint(op.f("fk_orders_from_place_id_places"), "orders", type_="foreignkey")
    op.drop_column("orders", "from_place_id")
    op.drop_column("orders", "kind")
