"""What the acceptance, crash and figures scripts share: processes, wire, environments, report."""
