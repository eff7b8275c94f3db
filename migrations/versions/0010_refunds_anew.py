"""Refunds whose number WeChat Pay closed are decided anew, under another."""
import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("refunds", sa.Column("replaces_id", sa.BigInteger()))
    op.create_foreign_key("fk_refunds_replaces_id_refunds", "refunds", "refunds",
                          ["replaces_id"], ["id"])
    op.create_unique_constraint("uq_refunds_replaces_id", "refunds", ["replaces_id"])


def downgrade() -> None:
    op.drop_column("refunds", "replaces_id")
