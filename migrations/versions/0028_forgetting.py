"""Remember whom to forget once their last order has ended."""
import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("forget_at", sa.DateTime(timezone=True)))
    with op.get_context().autocommit_block():
        op.create_index("ix_people_to_forget", "people", ["id"],
                        postgresql_where=sa.text("forget_at IS NOT NULL"),
                        postgresql_concurrently=True, if_not_exists=True)


def downgrade() -> None:
    op.drop_index("ix_people_to_forget", "people")
    op.drop_column("people", "forget_at")
