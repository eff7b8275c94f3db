"""A code is taken before its order's row is written, in the same transaction."""
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

NAME = "fk_order_codes_order_id_orders"


def upgrade() -> None:
    op.execute(f"ALTER TABLE order_codes ALTER CONSTRAINT {NAME} DEFERRABLE INITIALLY DEFERRED")


def downgrade() -> None:
    op.execute(f"ALTER TABLE order_codes ALTER CONSTRAINT {NAME} NOT DEFERRABLE")
