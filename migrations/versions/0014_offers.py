"""An order says which offers it got; a person may be a verified student."""
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("discounts", JSONB(), nullable=False,
                                      server_default=sa.text("'[]'")))
    op.add_column("people", sa.Column("student_until", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("people", "student_until")
    op.drop_column("orders", "discounts")
