"""A rider says when the shift ends."""
import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("riders", sa.Column("off_at", sa.DateTime(timezone=True)))
    op.create_index("ix_riders_off_at", "riders", ["off_at"],
                    postgresql_where=sa.text("off_at IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("ix_riders_off_at", table_name="riders")
    op.drop_column("riders", "off_at")
