"""Words that operators add."""
import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "words",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("campus_id", sa.BigInteger(), nullable=False),
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("meaning", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campus_id"], ["campuses.id"],
                                name="fk_words_campus_id_campuses"),
        sa.PrimaryKeyConstraint("id", name="pk_words"),
        sa.UniqueConstraint("campus_id", "word", "meaning",
                            name="uq_words_campus_id_word_meaning"),
    )


def downgrade() -> None:
    op.drop_table("words")
