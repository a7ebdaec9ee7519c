"""What is measured: a name, a value, a goal, and whether it holds."""

import dataclasses
import operator

RELATIONS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, "=": operator.eq}


@dataclasses.dataclass
class Figure:
    name: str
    value: float
    unit: str
    goal: str | None = None  # "<= 40"; None: said for what stands beside it
    void: bool = False       # the run says nothing

    @property
    def holds(self):
        if self.goal is None:
            return None
        relation, bound = self.goal.split()
        return not self.void and RELATIONS[relation](self.value, float(bound))

    def document(self):
        return {"name": self.name, "value": round(self.value, 4), "unit": self.unit,
                "goal": self.goal, "holds": self.holds}


MEASUREMENTS = []


class Measurement:
    def __init__(self, function, names, peers):
        self.function = function
        self.names = names
        self.peers = peers  # runs with --peers only


def measures(*names, peers=False):
    """Says which figures a function yields, in their order."""
    def register(function):
        MEASUREMENTS.append(Measurement(function, names, peers))
        return function
    return register
