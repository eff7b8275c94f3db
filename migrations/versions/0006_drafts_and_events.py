"""Find quotes that nobody came back to; tell what a phone reports from what a person says."""
import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inbox", sa.Column("is_event", sa.Boolean(), nullable=False,
                                     server_default=sa.false()))
    with op.get_context().autocommit_block():
        op.create_index("ix_orders_drafts", "orders", ["created_at"],
                        postgresql_where=sa.text("state = 'draft'"),
                        postgresql_concurrently=True, if_not_exists=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_orders_drafts", "orders", postgresql_concurrently=True, if_exists=True)
    op.drop_column("inbox", "is_event")
