"""A session from its start to its end by the client that openapi-python-client makes."""
import os
import time
import uuid

from generated import AuthenticatedClient
from generated.api.sessions import (
    get_sessions_session_id, get_sessions_session_id_recommendations, post_sessions, post_sessions_session_id_answers,
    post_sessions_session_id_decision,
)
from generated.models import (
    AnsweredSession, AnswerRequest, DecisionRequest, DecisionResult, Problem, Question, Recommendations, Session, StartedSession, StartRequest,
)

EXAMPLES = {
    "text": "Harbour Office", "number": 10, "boolean": True, "date": "2027-01-15", "time_range": {"start": "09:00", "end": "17:30"},
    "email": "office@example.org",
}


def example_of(question: Question):
    if question.type_.value == "single_choice":
        return question.options[0].value
    return [question.options[0].value] if question.type_.value == "multi_choice" else EXAMPLES[question.type_.value]


def person(token: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=os.environ["GANGWAY_URL"], token=token)


def of(kind, answer):
    if isinstance(answer, Problem):
        raise SystemExit(f"{answer.code.value}: {answer.detail}")
    assert isinstance(answer, kind), answer
    return answer


ana, ben = person(os.environ["ANA"]), person(os.environ["BEN"])
session = of(StartedSession, post_sessions.sync(client=ana, body=StartRequest(language="en"), idempotency_key=str(uuid.uuid4())))
own = session.session_id
while session.question is not None:
    body = AnswerRequest(question_id=session.question.id, value=example_of(session.question), message_id=str(uuid.uuid4()))
    session = of(AnsweredSession, post_sessions_session_id_answers.sync(own, client=ana, body=body))
for _ in range(300):
    if of(Session, get_sessions_session_id.sync(own, client=ana)).state.value == "awaiting_approval":
        break
    time.sleep(0.1)
proposal = of(Recommendations, get_sessions_session_id_recommendations.sync(own, client=ben))
approved = [item.recommendation_id for item in proposal.recommendations]
decided = of(DecisionResult, post_sessions_session_id_decision.sync(own, client=ben, body=DecisionRequest(approved_items=approved, dry_run=False)))
assert decided.status.value == "applied", decided.status
late = post_sessions_session_id_answers.sync(own, client=ana, body=AnswerRequest(value=1))
assert isinstance(late, Problem) and late.code.value == "wrong_state", late
print(of(Session, get_sessions_session_id.sync(own, client=ana)).state.value)
