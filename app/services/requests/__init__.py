"""An approval request as it stands, and what every act on one is made of: who asked, who may decide, what is due."""
