"""Pages of the surveys app."""

from __future__ import annotations

from django.urls import path

from surveys.pages import (
    answer,
    builder,
    distributions,
    files,
    guides,
    interviews,
    links,
    results,
    surveys,
)

app_name = "surveys"
_OF = "surveys/<slug:code>/distributions"
urlpatterns = [
    path("s/<str:secret>/", answer.answer, name="answer"),
    path("surveys/", surveys.survey_list, name="survey_list"),
    path("surveys/new/", surveys.survey_new, name="survey_new"),
    path("surveys/import/", files.survey_take, name="survey_take"),
    path("surveys/<slug:code>/export/", files.survey_export, name="survey_export"),
    path("surveys/<slug:code>/", surveys.survey_page, name="survey"),
    path("surveys/<slug:code>/edit/", builder.survey_edit, name="survey_edit"),
    path("surveys/<slug:code>/preview/", builder.survey_preview, name="survey_preview"),
    path("surveys/<slug:code>/publish/", surveys.survey_publish, name="survey_publish"),
    path("surveys/<slug:code>/close/", surveys.survey_close, name="survey_close"),
    path("surveys/<slug:code>/discard/", surveys.survey_discard, name="survey_discard"),
    path("surveys/<slug:code>/links/", links.survey_links, name="survey_links"),
    path("surveys/<slug:code>/links/<int:pk>/print/", links.survey_link_print, name="survey_link_print"),
    path(
        "surveys/<slug:code>/links/<int:pk>/qr.svg",
        links.survey_link_qr,
        {"kind": "svg"},
        name="survey_link_svg",
    ),
    path(
        "surveys/<slug:code>/links/<int:pk>/qr.png",
        links.survey_link_qr,
        {"kind": "png"},
        name="survey_link_png",
    ),
    path("surveys/<slug:code>/links/<int:pk>/revoke/", links.survey_link_revoke, name="survey_link_revoke"),
    path(f"{_OF}/", distributions.distribution_list, name="distribution_list"),
    path(f"{_OF}/new/", distributions.distribution_new, name="distribution_new"),
    path(f"{_OF}/<int:pk>/", distributions.distribution_page, name="distribution"),
    path(f"{_OF}/<int:pk>/edit/", distributions.distribution_edit, name="distribution_edit"),
    path(f"{_OF}/<int:pk>/people/", distributions.distribution_people, name="distribution_people"),
    path(f"{_OF}/<int:pk>/<slug:act>/", distributions.distribution_act, name="distribution_act"),
    path("surveys/<slug:code>/answers/", results.survey_answers, name="survey_answers"),
    path("surveys/<slug:code>/answers/words/", results.survey_words, name="survey_words"),
    path("surveys/<slug:code>/answers/silent/", results.survey_silent, name="survey_silent"),
    path("surveys/<slug:code>/answers/export/", results.survey_answers_export, name="survey_answers_export"),
    path("surveys/<slug:code>/copy/", surveys.survey_copy, name="survey_copy"),
    path("interviews/", interviews.interview_list, name="interview_list"),
    path("interviews/figures/", interviews.interview_figures, name="interview_figures"),
    path("interviews/guides/", guides.guide_list, name="guide_list"),
    path("interviews/guides/new/", guides.guide_new, name="guide_new"),
    path("interviews/guides/<slug:code>/", guides.guide_page, name="guide"),
    path("interviews/guides/<slug:code>/edit/", guides.guide_edit, name="guide_edit"),
    path("interviews/guides/<slug:code>/retire/", guides.guide_retire, name="guide_retire"),
    path("interviews/<int:pk>/", interviews.interview, name="interview"),
    path("interviews/<int:pk>/keep/", interviews.interview_keep, name="interview_keep"),
    path("interviews/<int:pk>/drop/", interviews.interview_drop, name="interview_drop"),
]
