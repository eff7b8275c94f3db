"""Proofs that somebody studies here."""
import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "student_proofs",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("campus_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("number_hash", sa.String(), nullable=True),
        sa.Column("told", sa.LargeBinary(), nullable=True),
        sa.Column("photo_id", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("good_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"],
                                name="fk_student_proofs_person_id_people"),
        sa.ForeignKeyConstraint(["campus_id"], ["campuses.id"],
                                name="fk_student_proofs_campus_id_campuses"),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], ondelete="SET NULL",
                                name="fk_student_proofs_photo_id_photos"),
        sa.ForeignKeyConstraint(["decided_by"], ["people.id"],
                                name="fk_student_proofs_decided_by_people"),
        sa.PrimaryKeyConstraint("id", name="pk_student_proofs"),
    )
    op.create_index("uq_student_proofs_waiting", "student_proofs", ["person_id"], unique=True,
                    postgresql_where=sa.text("state = 'waiting'"))
    op.create_index("uq_student_proofs_number", "student_proofs", ["campus_id", "number_hash"],
                    unique=True, postgresql_where=sa.text("state = 'approved'"))


def downgrade() -> None:
    op.drop_table("student_proofs")
