"""The producer API: takes desired states over HTTP and shows what became of them. Never calls AWS."""
