"""The dashboards as data: one module a dashboard, `DASHBOARD` in each. dashboards/build.py turns them into Grafana's JSON."""
