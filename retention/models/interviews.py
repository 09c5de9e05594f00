"""What interviews mean for losses and calls: for what one is held, and the causes that were named."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from customers.ground.privacy import declare
from retention.models.calls import FollowUpCall
from retention.models.losses import Loss


class InterviewOccasion(models.Model):
    """For which loss an interview was begun, and which planned call it is; both may be missing."""

    interview = models.OneToOneField("surveys.Interview", on_delete=models.PROTECT, related_name="occasion")
    loss = models.ForeignKey(Loss, null=True, on_delete=models.PROTECT, related_name="+")
    call = models.ForeignKey(FollowUpCall, null=True, on_delete=models.PROTECT, related_name="+")

    privacy = declare(none_keep="id interview loss call")


class LossCause(models.Model):
    """A cause that the customer named in an exit interview, on the loss that it was about.

    A correction withdraws a row and adds others: as of a moment those count that were recorded before it
    and not withdrawn by then.
    """

    loss = models.ForeignKey(Loss, on_delete=models.PROTECT, related_name="stated")
    cause = models.ForeignKey("customers.Cause", on_delete=models.PROTECT, related_name="+")
    interview = models.ForeignKey("surveys.Interview", on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    privacy = declare(none_keep="id loss cause interview recorded_at withdrawn_at")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["interview", "cause"],
                condition=Q(withdrawn_at__isnull=True),
                name="loss_cause_once_an_interview",
            )
        ]
