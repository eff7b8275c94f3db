"""People who asked for a person; the newest paid orders of a campus, to see what is liked."""
import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "human_calls",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("campus_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campus_id"], ["campuses.id"], name=op.f("fk_human_calls_campus_id_campuses")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_human_calls_person_id_people")),
        sa.ForeignKeyConstraint(
            ["answered_by_id"], ["people.id"], name=op.f("fk_human_calls_answered_by_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_human_calls")),
    )
    op.create_index("ix_human_calls_person_id_id", "human_calls", ["person_id", "id"])
    with op.get_context().autocommit_block():
        op.create_index("ix_orders_paid_of_campus", "orders", ["campus_id", "id"],
                        postgresql_where=sa.text("paid_at IS NOT NULL"),
                        postgresql_concurrently=True, if_not_exists=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_orders_paid_of_campus", "orders", postgresql_concurrently=True,
                      if_exists=True)
    op.drop_table("human_calls")
