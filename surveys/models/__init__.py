"""The tables of surveys."""

from surveys.models.asked import SurveyAsked, SurveyAskedVersion
from surveys.models.dispatches import SurveyDispatch
from surveys.models.distributions import Distribution, PlannedAsk
from surveys.models.interviews import (
    Guide,
    GuideVersion,
    Interview,
    InterviewAnswer,
    InterviewAnswerVersion,
    Purpose,
)
from surveys.models.invitations import Invitation, OpenLink
from surveys.models.responses import (
    SurveyAnswer,
    SurveyAnswerVersion,
    SurveyResponse,
    SurveyResponseVersion,
)
from surveys.models.surveys import Survey, SurveyVersion

__all__ = [
    "Distribution",
    "Guide",
    "GuideVersion",
    "Interview",
    "InterviewAnswer",
    "InterviewAnswerVersion",
    "Invitation",
    "OpenLink",
    "PlannedAsk",
    "Purpose",
    "Survey",
    "SurveyAnswer",
    "SurveyAnswerVersion",
    "SurveyAsked",
    "SurveyAskedVersion",
    "SurveyDispatch",
    "SurveyResponse",
    "SurveyResponseVersion",
    "SurveyVersion",
]
