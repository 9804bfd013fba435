"""Addresses of the demo: the simulator's switch. Included where SYNCADMIN_DEMO=1."""

from django.urls import path

from syncadmin.demo import views

app_name = "demo"
urlpatterns = [path("switch", views.switch, name="switch")]
