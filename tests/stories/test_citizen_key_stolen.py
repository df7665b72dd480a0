"""A stolen key."""

from __future__ import annotations

import ape

from tests.stories.town import Town, coins


def test_stolen_key__thief_objects_twice__keeps_what_was_there_and_gets_no_more(town: Town) -> None:
    """A citizen's key is stolen.

    The thief takes what lies on the account at once. The registrar recovers the share to a new key; the thief, who has
    the old one, objects as often as he likes.
    """
    victim, thief, fresh = town.people.citizens[0], town.people.stranger, town.people.merchant
    citizens, registrar, batch, index = town.suite.citizens, town.people.registrar, 0, 0
    town.live_an_epoch()
    stolen = town.balance(victim)
    town.do.pay(victim, thief.address, stolen)
    town.tell(f"The thief takes all that is there: {coins(stolen)} SBI, accrued income included.")

    _, succession = town.do.succession(fresh, batch, index, victim.address)
    town.do.start_recovery(registrar, batch, index, victim.address, fresh.address, succession)
    _, objection = town.do.objection(victim, batch, index, citizens.actOf(batch, index).dueAt)
    town.do.object_to(thief, batch, index, victim.address, objection)
    town.do.start_recovery(registrar, batch, index, victim.address, fresh.address, succession)
    _, objection = town.do.objection(victim, batch, index, citizens.actOf(batch, index).dueAt)
    town.do.object_to(thief, batch, index, victim.address, objection)
    assert citizens.actOf(batch, index).referred
    town.tell(
        "The registrar starts a recovery; the thief objects, and to the next one again: it goes to the second office."
    )

    lost_meanwhile = town.live_an_epoch().dividend
    town.do.pay(victim, thief.address, town.balance(victim))
    town.govern("citizens", "decideAct", batch, index, True)
    with ape.reverts(citizens.ObjectionDecided, batch=batch, index=index):
        town.do.object_to(victim, batch, index, victim.address, b"")
    town.do.recover(thief, batch, index, victim.address)
    town.tell(
        f"Until that decides, the thief gets another dividend: {coins(lost_meanwhile)} SBI. Then the share moves."
    )

    gained = [town.live_an_epoch().dividend for _ in range(2)]
    assert town.balance(victim) == 0
    assert town.balance(fresh) == sum(gained) > 0
    assert town.balance(thief) == stolen + lost_meanwhile
    assert town.suite.vault.headcount() == 6
    town.tell(
        f"From then on the new key receives every dividend ({coins(sum(gained))} SBI in two epochs), the old one none."
    )
    town.tell(
        "No office could give back what was spent: nobody can move a balance. Headcount and supply are what they were."
    )
    with ape.reverts(citizens.AlreadyActivated):
        town.do.start_recovery(registrar, batch, index, fresh.address, victim.address, succession)
    town.tell("The old account never lives again: a recovery back to it is refused.")
