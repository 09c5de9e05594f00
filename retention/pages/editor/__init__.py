"""The condition editor: one tree of conditions as a form, for segments, rules and whatever else asks.

A page makes an :class:`Editor` from a stored tree or from what was sent, and shows
``retention/editor/editor.html`` inside its own form. Every press of a button in it sends the whole
form: with script only the editor is drawn anew (``retention:condition_editor``), without it the page
answers (``editor.acted``). When the form is saved, the page reads ``editor.tree``, gives it to its verb,
and hands a refusal back by ``editor.refuse``.
"""

from retention.pages.editor.draft import GroupDraft, LeafDraft
from retention.pages.editor.form import Editor, Scope

__all__ = ["Editor", "GroupDraft", "LeafDraft", "Scope"]
