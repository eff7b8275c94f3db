"""Find what a rider has delivered today without reading everybody's orders."""
import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index("ix_orders_delivered", "orders", ["rider_id", "ended_at"],
                        postgresql_where=sa.text("state = 'delivered'"),
                        postgresql_concurrently=True, if_not_exists=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_orders_delivered", "orders", postgresql_concurrently=True,
                      if_exists=True)
