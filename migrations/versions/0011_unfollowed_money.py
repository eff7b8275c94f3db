"""Find money that nothing follows any more without reading every payment."""
import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_refunds_troubled", "refunds", "id", "state IN ('closed', 'abnormal')"),
    ("ix_payments_asked", "payments", "asked_at",
     "state IN ('open', 'closing') AND asked_at IS NOT NULL"),
    ("ix_payments_closed", "payments", "closed_at", "state = 'closed' AND asked_at IS NOT NULL"),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, column, where in INDEXES:
            op.create_index(name, table, [column], postgresql_where=sa.text(where),
                            postgresql_concurrently=True, if_not_exists=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, _, _ in INDEXES:
            op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
