"""Menus changed by one message: proposals, a dish's own surcharges, the file as it was loaded."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "menu_changes",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("campus_id", sa.BigInteger(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=True),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("lines", JSON, nullable=False),
        sa.Column("before", JSON, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["campus_id"], ["campuses.id"], name=op.f("fk_menu_changes_campus_id_campuses")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_menu_changes_person_id_people")
        ),
        sa.ForeignKeyConstraint(
            ["shop_id"], ["shops.id"], name=op.f("fk_menu_changes_shop_id_shops")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menu_changes")),
    )
    op.create_index(
        "ix_menu_changes_campus_id_code", "menu_changes", ["campus_id", "code"], unique=False)
    op.add_column("dishes", sa.Column("option_fen", JSON, nullable=False, server_default="{}"))
    op.alter_column("dishes", "option_fen", server_default=None)
    op.add_column("campuses", sa.Column("loaded_file", JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("campuses", "loaded_file")
    op.drop_column("dishes", "option_fen")
    op.drop_table("menu_changes")
