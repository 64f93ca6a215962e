"""Values for the formats that schemathesis cannot make up by itself."""

import schemathesis
from hypothesis import strategies

ZONES = ["UTC", "Europe/London", "America/New_York", "Asia/Tokyo", "Etc/GMT-14"]
STATEMENTS = ["SELECT 1", "SELECT * FROM item_sales LIMIT 3", "VALUES (NULL, 'x', 1.5)", "SELECT value FROM json_each('[1, \"é\"]')"]

schemathesis.openapi.format("iana-time-zone", strategies.sampled_from(ZONES))
schemathesis.openapi.format("sql", strategies.sampled_from(STATEMENTS))
