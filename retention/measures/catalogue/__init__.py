"""Every measure, declared once, by source.

Windows are whole local days of the company's zone: "the last 90 days" are today and the 89 days
before it, "the 90 days before" are the 90 days before those.
"""

# Importing declares. The order is the one of the lists that people choose from, and a derived
# measure reads only what was declared before it.
# isort: off
from retention.measures.catalogue import orders  # noqa: F401
from retention.measures.catalogue import rhythm  # noqa: F401
from retention.measures.catalogue import contracts  # noqa: F401
from retention.measures.catalogue import interactions  # noqa: F401
from retention.measures.catalogue import complaints  # noqa: F401
from retention.measures.catalogue import ownership  # noqa: F401
from retention.measures.catalogue import file  # noqa: F401
from retention.measures.catalogue import deliveries  # noqa: F401
from retention.measures.catalogue import products  # noqa: F401
from retention.measures.catalogue import invoices  # noqa: F401
from retention.measures.catalogue import usage  # noqa: F401
from retention.measures.catalogue import competitors  # noqa: F401
from retention.measures.catalogue import communities  # noqa: F401
from retention.measures.catalogue import indicators  # noqa: F401
from retention.measures.catalogue import answers  # noqa: F401
from retention.measures.catalogue import mentions  # noqa: F401
from retention.measures.catalogue import loyalty  # noqa: F401
from retention.measures.catalogue import standing  # noqa: F401
