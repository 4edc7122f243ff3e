"""Asset discovery: inventories in whatever form people have them become one trusted inventory."""
