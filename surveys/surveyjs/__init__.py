"""Surveys in and out as SurveyJS JSON; what is not understood is reported with its path."""

from surveys.surveyjs.giving import give
from surveys.surveyjs.taking import MOST_BYTES, NotSurveyJs, Report, Taken, take

__all__ = ["MOST_BYTES", "NotSurveyJs", "Report", "Taken", "give", "take"]
