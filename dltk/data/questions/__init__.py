"""Pictures with questions about them: readers of what people have, division, and checks."""

from dltk.data.questions.check import QuestionFindings, check_questions
from dltk.data.questions.readers import holds_questions, read_questions
from dltk.data.questions.split import split_questions

__all__ = [
    "QuestionFindings",
    "check_questions",
    "holds_questions",
    "read_questions",
    "split_questions",
]
