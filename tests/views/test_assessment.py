"""The page on who owns what: its questions, what it recommends at once, sheets, signatures, taking over."""

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.utils import timezone

from syncadmin import assessing
from syncadmin.models import AssessmentVersion, Mapping
from syncadmin.selectors.assessment import assessment
from syncadmin.sheetpdf import pdf
from syncadmin.sheets import printed
from tests.builders import a_mapping, a_user

pytestmark = pytest.mark.django_db
URL = "/mappings/customers/assessment/"
HOSTILE = "<script>alert(1)</script>"


def text_of(response):
    return " ".join(response.content.decode().split())


@pytest.fixture
def integrator(client):
    user = a_user(name="ines")
    user.groups.add(Group.objects.get(name="Integrator"))
    client.force_login(user)
    return client


def test_it_asks_of_every_field_and_says_what_is_recommended(viewer):
    a_mapping()
    page = text_of(viewer.get(URL))
    for words in ("phone: edited by", "tags: when both change it", "Merge: entries of both", "not answered"):
        assert words in page
    assert "Save the answers" not in page


def test_a_change_is_judged_at_once_and_nothing_is_stored(integrator):
    mapping = a_mapping()
    answer = text_of(integrator.post(f"{URL}preview/", {"f-phone-edits": "left", "f-visits-both": "counter"}))
    assert "Owner: CRM" in answer
    assert "Merge: both additions count" in answer
    assert "Not saved yet" in answer
    assert assessment(mapping).answers.given is False


def test_answers_are_kept_and_made_a_sheet(integrator):
    a_mapping()
    typed = {
        "table-cost": "little",
        "f-phone-edits": "left",
        "team-left": f" {HOSTILE}\n",
        "rows": "left: left_record.status == 'open'\n",
        "keep": "1",
    }
    page = text_of(integrator.post(f"{URL}save/", typed, follow=True))
    mapping = Mapping.objects.get()
    assert mapping.assessment == {
        "cost": "little",
        "teams": {"left": HOSTILE},
        "rows": [{"when": "left_record.status == 'open'", "owner": "left"}],
    }
    assert mapping.fields.get(name="phone").assessment == {"edits": "left"}
    assert "Sheet 1 is made." in page
    sheet = text_of(integrator.get("/mappings/customers/sheets/1/"))
    assert HOSTILE not in page + sheet
    assert "&lt;script&gt;" in sheet


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"rows": "somewhere"}, "one a line"),
        ({"rows": "left: left_record.nothing =="}, "not a rule that works"),
        ({"f-phone-both": "counter"}, "is for type"),
        ({"table-cost": "dear"}, "nothing"),
    ],
)
def test_answers_that_make_no_sense_are_refused(integrator, typed, said):
    a_mapping()
    response = integrator.post(f"{URL}save/", typed)
    assert response.status_code == 422
    assert said in text_of(response)
    assert Mapping.objects.get().assessment == {}


def test_one_click_takes_the_recommendation_over(integrator):
    mapping = a_mapping(enabled=False)
    integrator.post(f"{URL}save/", {"f-phone-edits": "left"})
    shown = integrator.get(URL).context["shown"]
    page = text_of(integrator.post(f"{URL}take/", {"shown": shown}, follow=True))
    assert "The recommendation is taken over." in page
    phone = mapping.fields.get(name="phone")
    assert (phone.owner, phone.history.first().history_user.username) == ("left", "ines")
    assert "The mapping is configured as recommended." in text_of(integrator.get(URL))


def test_a_running_mapping_wants_a_word_first(integrator):
    mapping = a_mapping()
    shown = integrator.get(URL).context["shown"]
    page = text_of(integrator.post(f"{URL}take/", {"shown": shown}, follow=True))
    assert "Confirm that it may be changed while it runs." in page
    assert mapping.fields.get(name="tags").merge == "review"
    integrator.post(f"{URL}take/", {"shown": shown, "running": "on"})
    assert mapping.fields.get(name="tags").merge == "set"


def test_a_signature_is_put_down_with_name_and_date(integrator):
    assessing.keep(a_mapping(), "ines")
    today = timezone.localdate().isoformat()
    signed = {"side": "left", "name": "Ada Lovelace", "role": "Head of sales", "on": today}
    page = text_of(integrator.post("/mappings/customers/sheets/1/sign/", signed, follow=True))
    assert "The signature is put down." in page
    assert "Ada Lovelace" in text_of(integrator.get("/mappings/customers/sheets/1/"))
    again = text_of(integrator.post("/mappings/customers/sheets/1/sign/", signed, follow=True))
    assert "This side has signed already." in again


def test_the_list_of_sheets_asks_a_bounded_number_of_questions(integrator, django_assert_max_num_queries):
    mapping = a_mapping()
    for _ in range(5):
        assessing.keep(mapping, "ines")
    with django_assert_max_num_queries(45):
        integrator.get(URL)


@pytest.mark.runs_once
def test_a_sheet_is_one_page_of_pdf_with_any_letters(integrator):
    mapping = a_mapping(label="Kunden & Größen")
    mapping.fields.filter(name="phone").update(left="顧客名", right="עברית\u202e😀")
    assessing.keep(mapping, "ines")
    response = integrator.get("/mappings/customers/sheets/1/pdf/")
    assert response["Content-Type"] == "application/pdf"
    assert response.content.startswith(b"%PDF-")
    assert response.content.count(b"/Type /Page\n") == 1
    version = AssessmentVersion.objects.get()
    assert pdf(printed(version.sheet, version), version.at) == response.content


def test_the_command_writes_the_pdf(tmp_path, capsys):
    a_mapping()
    call_command("assess", "customers", "--keep", "--pdf", str(tmp_path / "sheet.pdf"))
    assert (tmp_path / "sheet.pdf").read_bytes().startswith(b"%PDF-")
