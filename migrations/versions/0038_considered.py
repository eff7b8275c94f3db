"""Who was considered for an offer stands beside its reason, packed; older offers keep theirs."""
import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("offers", sa.Column("considered", sa.LargeBinary()))
    op.execute("ALTER TABLE offers ALTER COLUMN considered SET STORAGE EXTERNAL")  # packed already


def downgrade() -> None:
    op.drop_column("offers", "considered")
