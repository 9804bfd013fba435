"""Systems in the admin: checked like the file, secrets write-only, connections tested with remedies."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from syncadmin.config import secrets
from syncadmin.models import System

from .conftest import SECRET, As, posted


def save(browser: Any, system: System, **changes: str) -> Any:
    """Open the page of a system, change something, save."""
    address = f"/admin/syncadmin/system/{system.pk}/change/"
    return browser.post(address, {**posted(browser.get(address).context), **changes})


def errors(answer: Any) -> list[str]:
    """All messages at the fields of a form that was not taken."""
    found = [m for messages in answer.context["adminform"].form.errors.values() for m in messages]
    for inline in answer.context["inline_admin_formsets"]:
        found += [m for form in inline.formset.forms for messages in form.errors.values() for m in messages]
        found += list(inline.formset.non_form_errors())
    return found


def test_a_page_that_nobody_touched_saves_without_changing_anything(signed_in: As, shop: System) -> None:
    before = System.history.count(), System.objects.values_list("config").get(pk=shop.pk)
    answer = save(signed_in("Integrator"), shop)
    assert answer.status_code == 302
    assert System.objects.values_list("config").get(pk=shop.pk) == before[1]
    assert [r.config for r in shop.resources.all()] == [{"path": "customers"}, {"path": "organisations"}]


def test_settings_are_checked_like_the_file_with_the_line(signed_in: As, shop: System) -> None:
    answer = save(signed_in("Integrator"), shop, config="base_url: http://127.0.0.1:9/\ntimeot: 3s")
    assert errors(answer) == [
        'line 2: timeot: unknown key "timeot"; did you mean "timeout"? '
        "Allowed: preset, blanks, base_url, auth, csrf, headers, timeout, max_answer, limits, verify_tls, "
        "discover, webhook"
    ]


def test_settings_of_a_resource_are_checked_too(signed_in: As, crm: System) -> None:
    answer = save(signed_in("Integrator"), crm, **{"resources-0-config": "tabel: companies"})
    assert 'line 1: tabel: unknown key "tabel"; did you mean "table"?' in errors(answer)[1]


def test_a_secret_in_clear_text_is_refused(signed_in: As, shop: System) -> None:
    config = "base_url: http://127.0.0.1:9/\nauth: {type: bearer, token: hunter2}"
    answer = save(signed_in("Integrator"), shop, config=config)
    assert errors(answer)[0].startswith(
        "line 2: auth.token: holds a secret in clear text. Write it as ${NAME}"
    )


def test_a_secret_is_set_by_its_field_and_told_in_the_history_by_name(signed_in: As, shop: System) -> None:
    browser = signed_in("Integrator")
    assert save(browser, shop, secret_SHOP_PASSWORD="brand-new-secret").status_code == 302
    shop.refresh_from_db()
    assert secrets.values_of(shop)["SHOP_PASSWORD"] == "brand-new-secret"
    (info,) = secrets.listed(shop)
    assert info.set_by == "integrator-person"
    history = browser.get(f"/admin/syncadmin/system/{shop.pk}/history/").content.decode()
    assert "secret set: SHOP_PASSWORD" in history
    assert "integrator-person" in history
    assert "brand-new-secret" not in history + str(list(LogEntry.objects.values()))


def test_a_stored_secret_is_asked_for_again_when_its_address_changes(signed_in: As, shop: System) -> None:
    browser = signed_in("Integrator")
    moved = "base_url: http://127.0.0.1:10/\nauth: {type: bearer, token: '${SHOP_PASSWORD}'}"
    assert errors(save(browser, shop, config=moved)) == [
        "base_url changed: give this secret again, so that no stranger gets it."
    ]
    assert save(browser, shop, config=moved, secret_SHOP_PASSWORD="known-to-me").status_code == 302
    assert secrets.values_of(System.objects.get(pk=shop.pk))["SHOP_PASSWORD"] == "known-to-me"


def test_an_empty_secret_field_keeps_what_is_set(signed_in: As, shop: System) -> None:
    save(signed_in("Integrator"), shop, secret_SHOP_PASSWORD="", label="Web shop")
    shop.refresh_from_db()
    assert shop.label == "Web shop"
    assert secrets.values_of(shop)["SHOP_PASSWORD"] == SECRET


@pytest.mark.parametrize("group", ["Integrator", "Auditor", "root"])
def test_no_page_shows_a_secret(signed_in: As, shop: System, group: str) -> None:
    browser = signed_in(group)
    pages = ("", f"{shop.pk}/change/", f"{shop.pk}/history/", f"{shop.pk}/test/")
    text = "".join(browser.get(f"/admin/syncadmin/system/{page}").content.decode() for page in pages)
    text += browser.get("/admin/syncadmin/mapping/export/").content.decode()
    assert "SHOP_PASSWORD" in text
    assert SECRET not in text


def test_a_secret_typed_into_a_form_that_is_refused_does_not_come_back(signed_in: As, shop: System) -> None:
    answer = save(signed_in("Integrator"), shop, secret_SHOP_PASSWORD="typed-in-vain", config="nonsense: 1")
    assert answer.status_code == 200
    assert "typed-in-vain" not in answer.content.decode()


def test_a_new_system_that_names_a_secret_is_shown_again_to_set_it(signed_in: As, db: None) -> None:
    browser = signed_in("Integrator")
    data = {
        "name": "erp",
        "connector": "sql",
        "config": "url: ${ERP_URL}",
        "resources-TOTAL_FORMS": "0",
        "resources-INITIAL_FORMS": "0",
    }
    page = browser.post("/admin/syncadmin/system/add/", data, follow=True)
    assert "Not set yet: ERP_URL." in page.content.decode()
    assert "secret_ERP_URL" in page.context["adminform"].form.fields


def test_the_connection_test_of_an_unreachable_system_says_so(signed_in: As, shop: System) -> None:
    page = signed_in("Integrator").get(f"/admin/syncadmin/system/{shop.pk}/test/")
    assert not page.context["well"]
    assert "127.0.0.1:9" in page.content.decode()


def test_the_connection_test_with_wrong_credentials_says_so(
    signed_in: As, postgres_database: str, crm: System
) -> None:
    host = postgres_database.partition("@")[2]
    secrets.put(crm, "CRM_URL", f"postgresql://nobody-here:wrong-password@{host}")
    crm.save()
    page = signed_in("Integrator").get(f"/admin/syncadmin/system/{crm.pk}/test/")
    text = page.content.decode()
    failed = [item for item in page.context["items"] if not item.ok]
    assert failed
    assert failed[0].remedy
    assert "wrong-password" not in text


def test_a_resource_that_a_mapping_uses_cannot_be_removed(signed_in: As, crm: System) -> None:
    answer = save(signed_in("Integrator"), crm, **{"resources-0-DELETE": "on"})
    (message,) = errors(answer)
    assert message.startswith("Deleting resource crm.companies would require deleting")
    assert message.endswith("mapping companies")
